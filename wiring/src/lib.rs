//! What must exist in AWS, the plan against what exists, and applying it.
