"""What quarry_printers.py registers."""
