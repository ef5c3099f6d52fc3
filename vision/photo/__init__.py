"""From the bytes that anybody sends to pixels: formats, limits, videos."""
