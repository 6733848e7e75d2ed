//! railway
