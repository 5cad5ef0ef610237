"""What the screens of the console share: rendering, rows, summaries, live updates."""
