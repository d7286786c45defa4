"""The store at scale: filled with whole orders through the application's own store, and measured."""
