package pickle

import (
	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// stackGlobal takes (module, name).
func (l *loader) stackGlobal(operands any) (any, error) {
	pair := operands.(*types.Tuple)
	module, moduleOK := textOf(pair.Get(0))
	name, nameOK := textOf(pair.Get(1))
	if !moduleOK || !nameOK {
		return nil, checkpoint.Malformed("STACK_GLOBAL without two texts")
	}
	found, err := newGlobal(module, name)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// persistent takes the id.
func (l *loader) persistent(id any) (any, error) {
	if l.options.Persistent == nil {
		return nil, checkpoint.Unsupported("the pickle refers to data outside of itself").
			WithHint("it is probably the data.pkl of a PyTorch archive that was unpacked: give it beside its folder data, or give the archive")
	}
	decoded, err := l.convert(id)
	if err != nil {
		return nil, err
	}
	return l.options.Persistent(decoded)
}

// reduce takes (callable, arguments).
func (l *loader) reduce(operands any) (any, error) {
	pair := operands.(*types.Tuple)
	args, ok := pair.Get(1).(*types.Tuple)
	if !ok {
		return nil, checkpoint.Malformed("REDUCE without a tuple of arguments")
	}
	return l.call(pair.Get(0), *args)
}

// call answers for the callables of the table, makes records of instances of other classes, and refuses all other functions.
func (l *loader) call(callable any, args []any) (any, error) {
	global, ok := callable.(*Global)
	if !ok {
		return nil, checkpoint.Unsafe("the file asks Python to call something other than a named function").WithHint("%s", adviceUnsafe)
	}
	if function, ok := callables[*global]; ok {
		return function(l, global, args)
	}
	if global.harmless() {
		l.noteCall(*global)
		return inert(l, global, args)
	}
	return nil, global.forbidden()
}

// newObject takes (class, arguments) or (class, arguments, keywords). Known classes are made, unknown ones become records.
func (l *loader) newObject(operands any) (any, error) {
	parts := operands.(*types.Tuple)
	class, ok := parts.Get(0).(*Global)
	if !ok {
		return nil, checkpoint.Malformed("NEWOBJ without a class")
	}
	args, ok := parts.Get(1).(*types.Tuple)
	if !ok {
		return nil, checkpoint.Malformed("NEWOBJ without a tuple of arguments")
	}
	if parts.Len() == 2 {
		return l.newInstance(class, *args)
	}
	return inertClass(class, (*args)...)
}

// newInstance makes one of the known containers, or a record of any other class.
func (l *loader) newInstance(class *Global, args []any) (any, error) {
	if containers[*class] {
		return l.call(class, args)
	}
	return inertClass(class, args...)
}

// inertClass makes a record of a class that is not known to act on the machine.
func inertClass(class *Global, args ...any) (any, error) {
	if class.dangerous() && !class.known() {
		return nil, class.forbidden()
	}
	if isForeignTensor(class) {
		return foreignTensor(class), nil
	}
	return &object{class: *class, args: args}, nil
}

// object takes (class, arguments...), as OBJ of Python 2 does. It would call the class, so it counts as a call.
func (l *loader) object(operands any) (any, error) {
	parts := *operands.(*types.Tuple)
	return l.call(parts[0], parts[1:])
}

// instance takes (arguments, class).
func (l *loader) instance(operands any) (any, error) {
	pair := operands.(*types.Tuple)
	return l.call(pair.Get(1), *pair.Get(0).(*types.Tuple))
}

// stateSetter is what BUILD can fill.
type stateSetter interface {
	setState(l *loader, state any) error
}

// build takes (object, state) and returns the object.
func (l *loader) build(operands any) (any, error) {
	pair := operands.(*types.Tuple)
	target, ok := pair.Get(0).(stateSetter)
	if !ok {
		if global, ok := pair.Get(0).(*Global); ok {
			return nil, checkpoint.Unsafe("the file asks Python to change %q", global.String()).WithHint("%s", adviceUnsafe)
		}
		return nil, checkpoint.Malformed("BUILD on a value that has no state")
	}
	return target, target.setState(l, pair.Get(1))
}

// textOf accepts the texts of Python 3 and the strings of Python 2. The bytes of the latter stand for the characters of latin1.
func textOf(value any) (string, bool) {
	switch text := value.(type) {
	case string:
		return text, true
	case rawString:
		runes := make([]rune, len(text))
		for i := range len(text) {
			runes[i] = rune(text[i])
		}
		return string(runes), true
	}
	return "", false
}
