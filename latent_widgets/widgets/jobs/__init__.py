"""Work beside the pictures: one worker, one queue, the latest wins."""
