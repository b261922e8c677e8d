"""How any run goes: opened, diagnosed, verified, closed."""
