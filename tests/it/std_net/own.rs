//! What towline has besides what std has, or does otherwise on purpose.
