// Package errdef defines the kinds of errors that this module returns.
//
// There are six, and what a caller can do differs between them. An error type says its kind with a method Is, or wraps an error that does:
//
//	func (*NotFoundError) Is(kind error) bool { return kind == errdef.ErrUsage }
//
// A type with fields is for callers who need these. A test at cmd/beitzoo walks all error types of the module and fails where one has no kind.
package errdef
