"""The values that go from hand to hand: codes, masks, directions and their units."""
