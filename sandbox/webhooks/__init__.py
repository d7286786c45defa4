"""The webhook side: tells the merchant's endpoint what changed, as Meta would, bad manners included."""
