//! Follows the output of a project's containers, through their ends and restarts.
