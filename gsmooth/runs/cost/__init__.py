"""What a run will cost: plans, dry runs and forecasts."""
