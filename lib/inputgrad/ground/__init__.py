"""What everything stands on: checks of input, files, paths, progress, and which code is running."""
