package pickle

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/opcode"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Options say what surrounds the pickle.
type Options struct {
	// Persistent answers persistent ids, by which PyTorch refers to storages and to classes of whole modules, with a *Storage or a *Global: see Reference. Nil
	// refuses them.
	Persistent func(id Value) (Value, error)
}

// Document is a loaded pickle.
type Document struct {
	Root Value
	// End is the offset behind the STOP opcode. What follows is the caller's to judge.
	End int64
	// Protocol is what the pickle states, or 0.
	Protocol int
	// Called are classes that Python would call to load the pickle, and of which it is not known what calling them does, without repetitions. They were not
	// called. What they are named comes from the file: quote it.
	Called []Global
}

// Notes says which classes Python would call, in a sentence, or returns nil.
func (d *Document) Notes() []string {
	if len(d.Called) == 0 {
		return nil
	}
	quoted := make([]string, len(d.Called))
	for i, class := range d.Called {
		quoted[i] = text.Quote(text.Cut(class.String(), 100))
	}
	return []string{"Python would call " + text.List(quoted, mostNamed, "") + " on loading; beitzoo does not know what that does, and called nothing"}
}

// mostNamed is how many classes a sentence names, and mostCalled how many are kept.
const mostNamed, mostCalled = 8, 1000

// noteCall remembers a class that Python would call, unless calling it is known to do no harm.
func (l *loader) noteCall(class Global) {
	if !class.inertCall() && len(l.called) < mostCalled && !slices.Contains(l.called, class) {
		l.called = append(l.called, class)
	}
}

// Load reads the pickle that begins at offset. Views of arrays are windows of content. Errors are of type *checkpoint.Error.
func Load(ctx context.Context, content []byte, offset int64, options Options) (*Document, error) {
	stream, err := Scan(ctx, content, offset, DefaultLimits)
	if err != nil {
		return nil, err
	}
	if err := checkpoint.Spend(ctx, stream.Opcodes); err != nil {
		return nil, err
	}
	l := &loader{content: content, stream: stream, options: options, memory: stream.Memory}
	raw, err := l.run()
	if err != nil {
		return nil, problem(err)
	}
	root, err := l.convert(raw)
	if err != nil {
		return nil, problem(err)
	}
	return &Document{Root: root, End: stream.End, Protocol: stream.Protocol, Called: l.called}, nil
}

// loader answers the questions of gopickle's machine.
type loader struct {
	content []byte
	stream  *Stream
	options Options
	// memory is about how many bytes the machine and the values hold; values counts those that were converted.
	memory int64
	values int
	// called are the classes that [Document.Called] is about.
	called []Global
}

// charge counts what is copied from values that the pickle made before: one opcode can ask for a copy of many.
func (l *loader) charge(copied int) error {
	if l.memory += int64(copied) * costCopied; l.memory > DefaultLimits.Memory {
		return tooLarge(DefaultLimits.Memory)
	}
	return nil
}

// rawString is a short Python 2 string: bytes that serve as text.
type rawString string

// call remembers which opcode asked, and where in the file.
type call struct {
	opcode byte
	offset int64
}

// run runs the machine. As the scanner has checked the limits, whatever still goes wrong is a panic that can be recovered from.
func (l *loader) run() (root any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = checkpoint.Malformed("the pickle cannot be loaded: %s", checkpoint.PanicText(fault))
		}
	}()
	machine := pickle.NewUnpickler(bytes.NewReader(l.stream.Code))
	machine.GetExtension = l.placeholder
	machine.PersistentLoad = l.question
	return machine.Load()
}

// placeholder returns what the scanner took out of the stream.
func (l *loader) placeholder(index int) (any, error) {
	if index < 0 || index >= len(l.stream.placeholders) {
		return nil, checkpoint.Malformed("extension code %d", index)
	}
	return l.stream.placeholders[index], nil
}

// question answers an opcode that the scanner turned into a persistent id: a pair of the operands and the call.
func (l *loader) question(id any) (any, error) {
	pair, ok := id.(*types.Tuple)
	if !ok || pair.Len() != 2 {
		return nil, checkpoint.Malformed("a persistent id that the scanner did not write")
	}
	asked, ok := pair.Get(1).(*call)
	if !ok {
		return nil, checkpoint.Malformed("a persistent id that the scanner did not write")
	}
	answer, err := answers[asked.opcode](l, pair.Get(0))
	var found *checkpoint.Error
	if errors.As(err, &found) && found.Offset < 0 {
		found.Offset = asked.offset
	}
	return answer, err
}

// answers has, for each opcode that reaches question, the method that answers it.
var answers map[byte]func(l *loader, operands any) (any, error)

func init() {
	answers = map[byte]func(l *loader, operands any) (any, error){
		opcode.BinPersID:   (*loader).persistent,
		opcode.PersID:      (*loader).persistent,
		opcode.StackGlobal: (*loader).stackGlobal,
		opcode.Reduce:      (*loader).reduce,
		opcode.NewObj:      (*loader).newObject,
		opcode.NewObjEx:    (*loader).newObject,
		opcode.Obj:         (*loader).object,
		opcode.Inst:        (*loader).instance,
		opcode.Build:       (*loader).build,
	}
}

// problem returns err as a *checkpoint.Error. An error of gopickle becomes one with the same text, in which there are no values of the file.
func problem(err error) error {
	var found *checkpoint.Error
	if errors.As(err, &found) {
		return found
	}
	return checkpoint.Malformed("the pickle cannot be loaded: %s", strings.ToValidUTF8(checkpoint.PanicText(err), "?"))
}
