package checkpoint

// Module is one of the modules that a whole module is made of, itself included.
type Module struct {
	// Path is what the names of its parameters begin with, without the dot; empty for the outermost one.
	Path string
	// Hooks are the classes or functions that the framework calls before or after the module, or in its place.
	Hooks []string
	Object
}

// Object is an object of Python that was never made: its class, and those of its attributes that can tell what a model computes. All of it comes from the
// file: quote it.
type Object struct {
	Class string
	// Attributes are of type bool, int64, float64, string, []any, map[string]any, Object or Unread. A class or function is an Object without attributes.
	Attributes map[string]any
	// Partly says why attributes may be missing, in words about the object, or is empty.
	Partly string
}

// Unread stands for a value that is there and of another type, and says of which, in words.
type Unread string
