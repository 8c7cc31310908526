// Package errdef defines the kinds of errors that this module returns.
//
// There are six. They differ in what a caller can do: mend the request, get another file, try again, and so on. An error type declares its kind with a
// method Is, or wraps an error that has one:
//
//	func (*NotFoundError) Is(kind error) bool { return kind == errdef.ErrUsage }
//
// A caller asks for the kind, and for an error type only if it needs the fields:
//
//	if errdef.Kind(err) == errdef.ErrNetwork {
//		return retryLater(err)
//	}
//	log.Print(err, "; ", errdef.Hint(err))
//
// A test in cmd/beitzoo walks all error types of the module and fails if one has no kind.
package errdef
