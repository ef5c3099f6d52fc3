"""From untrusted bytes to pixels: formats, limits, videos."""
