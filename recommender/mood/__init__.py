"""Maps emotions to targets for the music, and calibrates readings to each listener."""
