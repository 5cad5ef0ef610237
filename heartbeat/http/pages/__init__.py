"""The parts that all screens of the console share: rendering, rows, summaries, live updates."""
