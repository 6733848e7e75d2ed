//! agentverse
