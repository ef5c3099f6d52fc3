"""From photos, albums and videos to readings, and corrections of readings."""
