"""Numbers, rules, audits and searches in words, the same wherever people read them."""
