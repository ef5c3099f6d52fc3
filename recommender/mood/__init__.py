"""From emotions to targets for the music, and each listener's own shift."""
