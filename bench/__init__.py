"""The measurements, and the peers they are measured against."""
