//! What the user wrote -> the immutable `Table`.
