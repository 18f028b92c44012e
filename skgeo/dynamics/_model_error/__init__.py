"""The steps of model-error discovery."""
