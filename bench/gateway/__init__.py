"""What stands on both sides of the gateway while it is measured."""
