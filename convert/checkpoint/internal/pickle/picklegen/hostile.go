package picklegen

import (
	"bytes"
	"math"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// Case is a file that must be refused.
type Case struct {
	Name    string
	Content []byte
	// Kind is the error that must come back.
	Kind error
	// Says is a part of its text.
	Says string
}

// quarter is a quarter of the numbers that an int can hold, 1<<62 on most machines: four of it, or its square, wrap to 0.
const quarter = math.MaxInt/2 + 1

// command is what the attacks below would run.
func command(w *Writer) { w.Text("touch /tmp/pwned") }

// Hostile returns attacks that were seen or published, and files that make a careless reader crash or read wrong values.
func Hostile() []Case {
	var all []Case
	for _, group := range [][]Case{calls(), indirections(), broken(), lengths(), {{"arrays over one payload", sharedArrays(), checkpoint.ErrUnsafe, "sum up to"}}} {
		all = append(all, group...)
	}
	return all
}

// calls has an attack for each opcode that can call something.
func calls() []Case {
	unsafe := checkpoint.ErrUnsafe
	return []Case{
		{"GLOBAL and REDUCE", New(2).Call("os", "system", command).Stop(), unsafe, `"os.system"`},
		{"the module behind os", New(2).Call("posix", "system", command).Stop(), unsafe, `"posix.system"`},
		{"protocol 0", []byte("cos\nsystem\n(S'touch /tmp/pwned'\ntR."), unsafe, `"os.system"`},
		{"STACK_GLOBAL", New(4).Call("os", "system", command).Stop(), unsafe, `"os.system"`},
		{"INST", New(2).Op('(').Text("id").Raw("ios\nsystem\n").Stop(), unsafe, `"os.system"`},
		{"OBJ", New(2).Op('(').Global("os", "system").Text("id").Op('o').Stop(), unsafe, `"os.system"`},
		{"NEWOBJ", New(2).Global("subprocess", "Popen").Tuple(command).Op(0x81).Stop(), unsafe, `"subprocess.Popen"`},
		{"NEWOBJ_EX", New(4).Global("subprocess", "Popen").Tuple(command).Op('}', 0x92).Stop(), unsafe, `"subprocess.Popen"`},
		{"BUILD on a global", New(2).Global("os", "system").Op('}', 'b').Stop(), unsafe, `"os.system"`},
		{"in a value of a state dict", New(4).Dict(func(w *Writer) { w.Text("weight").Call("os", "system", command) }).Stop(), unsafe, `"os.system"`},
		{"thrown away afterwards", New(4).Call("os", "system", command).Op('0', '}').Stop(), unsafe, `"os.system"`},
		{"in the arguments of an array", New(4).Call("numpy.core.multiarray", "_reconstruct", func(w *Writer) {
			w.Call("os", "system", command).Ints(0).Bytes([]byte("b"))
		}).Stop(), unsafe, `"os.system"`},
		{"as missing-key function of a defaultdict, called", New(4).Call("collections", "defaultdict", func(w *Writer) {
			w.Call("os", "getcwd", func(*Writer) {})
		}).Stop(), unsafe, `"os.getcwd"`},
		{"eval of an expression", New(4).Call("builtins", "eval", command).Stop(), unsafe, `"builtins.eval"`},
		{"eval of Paddle's form with another expression", New(4).Call("builtins", "eval", func(w *Writer) {
			w.Text("data.tofile('x')").Dict(func(w *Writer) { w.Text("data").Array(Array{Code: "f4", Shape: []int{0}}) })
		}).Stop(), unsafe, `"builtins.eval"`},
		{"eval of Paddle's form with another variable", New(4).Call("builtins", "eval", func(w *Writer) {
			w.Text("data").Dict(func(w *Writer) { w.Text("data").Array(Array{Code: "f4", Shape: []int{0}}).Text("os").Int(1) })
		}).Stop(), unsafe, `"builtins.eval"`},
		{"eval of Paddle's form without an array", New(4).Call("builtins", "eval", func(w *Writer) {
			w.Text("data").Dict(func(w *Writer) { w.Text("data").Text("__import__('os')") })
		}).Stop(), unsafe, `"builtins.eval"`},
		{"exec", New(2).Call("__builtin__", "exec", command).Stop(), unsafe, `"builtins.exec"`},
		{"unknown function", New(4).Call("training.models", "load", command).Stop(), unsafe, `"training.models.load"`},
	}
}

// indirections has attacks that hide what is called.
func indirections() []Case {
	unsafe := checkpoint.ErrUnsafe
	name := func(module, name string) func(*Writer) {
		return func(w *Writer) { w.Global(module, name).Text("system") }
	}
	return []Case{
		{"names from the memo", New(4).Text("os").Op(0x94, '0').Text("system").Op(0x94, '0', 'h', 0, 'h', 1, 0x93).Tuple(command).Op('R').Stop(), unsafe, `"os.system"`},
		{"names by DUP", New(4).Text("code").Op('2', 0x93, ')', 'R').Stop(), unsafe, `"code.code"`},
		{"names that a call makes", New(4).Call("builtins", "str", func(w *Writer) { w.Text("os") }).Text("system").Op(0x93).Tuple(command).Op('R').Stop(), unsafe, `"os.system"`},
		{"memo slots written twice", New(4).Text("collections").Op('q', 7, '0').Text("os").Op('q', 7, '0', 'h', 7).Text("system").
			Op(0x93).Tuple(command).Op('R').Stop(), unsafe, `"os.system"`},
		{"getattr of a module's class", New(4).Call("builtins", "getattr", name("os", "popen")).Stop(), unsafe, `"os.popen"`},
		{"the result of getattr called", New(4).Call("builtins", "getattr", name("training", "Config")).Op(')', 'R').Stop(), unsafe, `"training.Config.system"`},
		{"operator.attrgetter, called", New(4).Call("operator", "attrgetter", command).Op(')', 'R').Stop(), unsafe, "something other than a named function"},
		{"functools.partial", New(4).Call("functools", "partial", name("os", "system")).Stop(), unsafe, `"os.system"`},
		{"map", New(4).Call("builtins", "map", name("os", "system")).Stop(), unsafe, `"os.system"`},
		{"map of an unknown function", New(4).Call("builtins", "map", name("training", "load")).Stop(), unsafe, `"training.load"`},
		{"map of a partial", New(4).Call("builtins", "map", func(w *Writer) {
			w.Call("functools", "partial", name("training", "load")).List(func(w *Writer) { w.Int(1) })
		}).Stop(), unsafe, `"builtins.map"`},
		{"functools.reduce", New(2).Call("__builtin__", "reduce", name("posix", "system")).Stop(), unsafe, `"posix.system"`},
		{"type that makes a class", New(4).Call("builtins", "type", func(w *Writer) { w.Text("X").Op(')', '}') }).Stop(), unsafe, `"builtins.type"`},
		{"copyreg.__newobj__", New(2).Call("copy_reg", "__newobj__", name("subprocess", "Popen")).Stop(), unsafe, `"subprocess.Popen"`},
		{"getattr by which a function of a class is found, called", New(4).Call("builtins", "getattr", func(w *Writer) {
			w.Global("training", "Config").Text("load")
		}).Op(')', 'R').Stop(), unsafe, `"training.Config.load"`},
		{"a class of a package that acts", New(4).Call("paramiko", "ProxyCommand", command).Stop(), unsafe, `"paramiko.ProxyCommand"`},
		{"a class that starts a program", New(4).Call("psutil", "Popen", command).Stop(), unsafe, `"psutil.Popen"`},
		{"a class that starts a program, in a package", New(4).Call("gevent.subprocess", "Popen", command).Stop(), unsafe, `"gevent.subprocess.Popen"`},
		{"a class that writes a file", New(4).Call("logging", "FileHandler", command).Stop(), unsafe, `"logging.FileHandler"`},
		{"a class that opens an archive", New(4).Call("zipfile", "ZipFile", command).Stop(), unsafe, `"zipfile.ZipFile"`},
		{"importlib", New(4).Call("importlib", "import_module", command).Stop(), unsafe, `"importlib.import_module"`},
		{"pkgutil.resolve_name", New(4).Call("pkgutil", "resolve_name", command).Stop(), unsafe, `"pkgutil.resolve_name"`},
		{"pip", New(4).Call("pip", "main", command).Stop(), unsafe, `"pip.main"`},
		{"a pickle in a pickle", New(4).Call("pickle", "loads", func(w *Writer) {
			w.Bytes(New(2).Call("os", "system", command).Stop())
		}).Stop(), unsafe, `"pickle.loads"`},
		{"torch's nested loader", New(4).Call("torch.storage", "_load_from_bytes", command).Stop(), unsafe, `"torch.storage._load_from_bytes"`},
		{"a dotted name", New(4).Call("torch", "Tensor.__reduce__", command).Stop(), unsafe, `"Tensor.__reduce__"`},
		{"_rebuild_from_type_v2 with another callable", New(4).Call("torch._tensor", "_rebuild_from_type_v2", func(w *Writer) {
			w.Global("os", "system").Global("torch", "Tensor").Tuple(command).Op('}')
		}).Stop(), unsafe, `"os.system"`},
		{"_rebuild_from_type_v2 with a callable that makes no tensor", New(4).Call("torch._tensor", "_rebuild_from_type_v2", func(w *Writer) {
			w.Global("collections", "OrderedDict").Global("torch", "Tensor").Op(')', '}')
		}).Stop(), unsafe, `"collections.OrderedDict"`},
		{"copyreg._reconstructor", New(2).Call("copy_reg", "_reconstructor", func(w *Writer) {
			w.Global("subprocess", "Popen").Global("__builtin__", "object").None()
		}).Stop(), unsafe, `"subprocess.Popen"`},
		{"payload first, then broken", append(New(4).Call("os", "system", command).Unfinished(), 0xff), checkpoint.ErrMalformed, "0xff"},
	}
}

// broken has streams that made gopickle 0.3.0 crash, or that it accepted with other values than Python's.
func broken() []Case {
	malformed, unsupported := checkpoint.ErrMalformed, checkpoint.ErrUnsupported
	return []Case{
		{"no opcode", New(2).Op(0xff).Stop(), malformed, "0xff"},
		{"empty", New(2).Unfinished(), malformed, "ends before its STOP"},
		{"nothing on the stack", New(2).Stop(), malformed, "STOP needs 1"},
		{"values left on the stack", New(2).Int(1).Int(2).Stop(), malformed, "leaves values"},
		{"a MARK left open", New(2).Op('(').Int(1).Stop(), malformed, "leaves values"},
		{"SETITEMS with an odd count", New(2).Op('}', '(').Int(1).Op('u').Stop(), malformed, "no value"},
		{"DICT with an odd count", New(2).Op('(').Int(1).Op('d').Stop(), malformed, "no value"},
		{"a set of bytes", New(4).Op(0x8f, '(').Bytes([]byte("x")).Op(0x90).Text("k").Op('s').Stop(), malformed, "SETITEM"},
		{"memo slot never set, BINGET", New(2).Op('h', 5).Stop(), malformed, "memo slot 5"},
		{"memo slot never set, LONG_BINGET", New(2).Op('j').U32(70000).Stop(), malformed, "memo slot 70000"},
		{"memo slot never set, GET", New(2).Raw("g5\n").Stop(), malformed, "memo slot 5"},
		{"memo index below zero", New(2).Raw("g-1\n").Stop(), malformed, "memo index"},
		{"PUT with an empty stack", New(2).Op('q', 1).Stop(), malformed, "BINPUT needs 1"},
		{"MEMOIZE with an empty stack", New(4).Op(0x94).Stop(), malformed, "MEMOIZE needs 1"},
		{"READONLY_BUFFER with an empty stack", New(5).Op(0x98).Stop(), malformed, "READONLY_BUFFER needs 1"},
		{"NEXT_BUFFER", New(5).Op(0x97).Stop(), unsupported, "outside of the file"},
		{"EXT1", New(2).Op(0x82, 1).Stop(), unsupported, "outside of the file"},
		{"EXT2", New(2).Op(0x83, 1, 0).Stop(), unsupported, "outside of the file"},
		{"EXT4", New(2).Op(0x84).U32(0).Stop(), unsupported, "outside of the file"},
		{"BUILD on a list", New(2).Op(']').Ints(1, 2, 3).Op('b').Stop(), malformed, "BUILD"},
		{"BUILD on an integer", New(2).Int(1).Op('}', 'b').Stop(), malformed, "BUILD"},
		{"REDUCE of a list", New(2).Op(']', ')', 'R').Stop(), checkpoint.ErrUnsafe, "other than a named function"},
		{"REDUCE of long bytes", New(3).Bytes(make([]byte, 1<<20)).Op(')', 'R').Stop(), checkpoint.ErrUnsafe, "other than a named function"},
		{"REDUCE without a tuple", New(2).Global("collections", "OrderedDict").Op(']', 'R').Stop(), malformed, "REDUCE"},
		{"NEWOBJ of text", New(2).Text("x").Op(')', 0x81).Stop(), malformed, "NEWOBJ"},
		{"OBJ without a class", New(2).Op('(', 'o').Stop(), malformed, "OBJ"},
		{"APPEND to a dict", New(2).Op('}').Int(1).Op('a').Stop(), malformed, "APPEND"},
		{"SETITEM on a list", New(2).Op(']').Int(1).Int(2).Op('s').Stop(), malformed, "SETITEM"},
		{"STACK_GLOBAL of numbers", New(4).Int(1).Int(2).Op(0x93).Stop(), malformed, "STACK_GLOBAL"},
		{"STACK_GLOBAL of a long name", New(4).Text("os").Text(string(bytes.Repeat([]byte("x"), 300))).Op(0x93).Stop(), malformed, "STACK_GLOBAL"},
		{"PROTO in the middle", New(2).Op('}', 0x80, 2).Stop(), malformed, "PROTO"},
		{"protocol 6", New(6).Op('}').Stop(), unsupported, "protocol 6"},
		{"text that is not UTF-8", New(2).Text("\xff\xfe").Stop(), unsupported, "UTF-8"},
		{"STRING without quotes", New(0).Raw("Sabc\n").Stop(), malformed, "quotes"},
		{"INT that is not a number", New(0).Raw("Iabc\n").Stop(), malformed, "cannot be loaded"},
		{"a key twice", New(4).Dict(func(w *Writer) { w.Text("weight").Int(1).Text("weight").Int(2) }).Stop(), malformed, `"weight" occurs twice`},
		{"a key of 300 bytes", New(4).Dict(func(w *Writer) { w.Text(string(bytes.Repeat([]byte("x"), 300))).Int(1) }).Stop(), malformed, "a key of 256 bytes"},
		{"a persistent id", New(2).Ints(1).Op('Q').Stop(), unsupported, "outside of itself"},
		{"a persistent id of protocol 0", New(0).Raw("P123\n").Stop(), unsupported, "outside of itself"},
		{"array._array_reconstructor", New(4).Call("array", "_array_reconstructor", func(w *Writer) {
			w.Global("array", "array").Text("b").Int(-1).Bytes([]byte("x"))
		}).Stop(), checkpoint.ErrNoModel, `"array._array_reconstructor"`},
		{"OrderedDict of numbers", New(4).Call("collections", "OrderedDict", func(w *Writer) { w.Int(1) }).Stop(), malformed, "arguments"},
		{"an array that is never filled", New(4).Call("numpy.core.multiarray", "_reconstruct", func(w *Writer) {
			w.Global("numpy", "ndarray").Ints(0).Bytes([]byte("b"))
		}).Stop(), malformed, "without content"},
		{"an array with too few bytes", New(4).Array(Array{Code: "f4", Shape: []int{3}, Data: make([]byte, 8)}).Stop(), malformed, "8 bytes where its shape needs 12"},
		{"an array with too many bytes", New(4).Array(Array{Code: "f4", Shape: []int{1}, Data: make([]byte, 400)}).Stop(), malformed, "400 bytes where its shape needs 4"},
		{"an array with a negative size", New(4).Array(Array{Code: "f4", Shape: []int{-1}, Data: nil}).Stop(), malformed, "shape"},
		{"an array whose size overflows", New(4).Array(Array{Code: "f4", Shape: []int{quarter, quarter}, Data: nil}).Stop(), malformed, "impossible shape"},
		{"an array of 33 dimensions", New(4).Array(Array{Code: "f4", Shape: make([]int, 33)}).Stop(), malformed, "shape"},
		{"an array with text for bytes", New(4).Call("numpy.core.numeric", "_frombuffer", func(w *Writer) {
			w.Text(string(make([]byte, 400))).DType("f4", "").Ints(100).Text("C")
		}).Stop(), malformed, "text"},
		{"text beyond latin1", New(2).Call("_codecs", "encode", func(w *Writer) { w.Text("€").Text("latin1") }).Stop(), malformed, "latin1"},
		{"text in another encoding", New(2).Call("_codecs", "encode", func(w *Writer) { w.Text("x").Text("rot13") }).Stop(), unsupported, `"rot13"`},
		{"a frame beyond the end", New(4).Op(0x95).U64(1 << 40).Op('}').Stop(), malformed, "frame"},
	}
}

// lengths has values whose stated length is larger than the file, or negative.
func lengths() []Case {
	malformed := checkpoint.ErrMalformed
	var cases []Case
	for _, op := range []struct {
		name string
		code byte
	}{{"BINBYTES8", 0x8e}, {"BINUNICODE8", 0x8d}, {"BYTEARRAY8", 0x96}} {
		for _, length := range []uint64{100, 1 << 40, math.MaxInt64, math.MaxUint64} {
			cases = append(cases, Case{op.name, New(5).Op(op.code).U64(length).Raw("x").Stop(), malformed, "bytes where"})
		}
	}
	return append(cases, []Case{
		{"FRAME of 2^63-1", New(4).Op(0x95).U64(math.MaxInt64).Op('}').Stop(), malformed, "frame"},
		{"FRAME of 2^64-1", New(4).Op(0x95).U64(math.MaxUint64).Op('}').Stop(), malformed, "frame"},
		{"BINBYTES", New(3).Op('B').U32(math.MaxUint32).Stop(), malformed, "bytes where"},
		{"BINUNICODE", New(2).Op('X').U32(math.MaxUint32).Stop(), malformed, "bytes where"},
		{"BINSTRING below zero", New(2).Op('T').U32(math.MaxUint32).Stop(), malformed, "negative"},
		{"LONG4 below zero", New(2).Op(0x8b).U32(math.MaxUint32).Stop(), malformed, "negative"},
		{"LONG1 of 255 bytes", New(2).Op(0x8a, 255).Repeat(255, 1).Stop(), checkpoint.ErrUnsafe, "integer"},
		{"LONG4 of 1 MB", New(2).Op(0x8b).U32(1<<20).Repeat(1<<20, 1).Stop(), checkpoint.ErrUnsafe, "integer"},
		{"LONG of 4,000 digits", New(0).Raw("L").Repeat(4000, '9').Raw("\n").Stop(), checkpoint.ErrUnsafe, "integer"},
		{"a line of 5,000 bytes", New(0).Raw("S'").Repeat(5000, 'x').Raw("'\n").Stop(), checkpoint.ErrUnsafe, "line"},
		{"a memo index of 2^32-1", New(2).Op('}', 'r').U32(math.MaxUint32).Stop(), checkpoint.ErrUnsafe, "memo index"},
		{"a memo index of 2^62", New(2).Raw("}p4611686018427387904\n").Stop(), checkpoint.ErrUnsafe, "memo index"},
	}...)
}

// Bombs returns small files that would take much memory or time.
func Bombs() []Case {
	const many = 600_000
	unsafe := checkpoint.ErrUnsafe
	return []Case{
		{"MARKs", New(2).Repeat(many, '(').Stop(), unsafe, "MARK"},
		{"empty tuples by MARK", New(2).Op('(').Repeat(many, '(', 't').Op('t').Stop(), unsafe, "memory"},
		{"empty dicts", New(2).Op('(').Repeat(many, '}').Op('t').Stop(), unsafe, "memory"},
		{"empty lists", New(2).Op('(').Repeat(many, ']').Op('t').Stop(), unsafe, "memory"},
		{"empty sets", New(4).Op('(').Repeat(many, 0x8f).Op('t').Stop(), unsafe, "memory"},
		{"empty tuples", New(2).Op('(').Repeat(many, ')').Op('t').Stop(), unsafe, "memory"},
		{"nested tuples", New(2).Op(')').Repeat(many, 0x85).Stop(), unsafe, "memory"},
		{"MEMOIZE", New(4).Op('N').Repeat(many, 0x94).Stop(), unsafe, "memory"},
		{"DUP", New(4).Op('(', 'N').Repeat(many, '2').Op('t').Stop(), unsafe, "memory"},
		{"numbers", New(4).Op('(').Repeat(many, 'K', 1).Op('t').Stop(), unsafe, "memory"},
		{"floats", New(4).Op('(').Repeat(many, 'G', 1, 2, 3, 4, 5, 6, 7, 8).Op('t').Stop(), unsafe, "memory"},
		{"short texts", New(4).Op('(').Repeat(many, 0x8c, 1, 'x').Op('t').Stop(), unsafe, "memory"},
		{"long short texts", New(4).Op('(').Raw(string(bytes.Repeat(New(4).Text(string(bytes.Repeat([]byte("x"), 255))).Unfinished()[2:], 400_000))).Op('t').Stop(), unsafe, "memory"},
		{"short strings of Python 2", New(2).Op('(').Repeat(many, 'U', 1, 'x').Op('t').Stop(), unsafe, "memory"},
		{"globals", New(2).Op('(').Repeat(many, 'c', 'a', '\n', 'b', '\n').Op('t').Stop(), unsafe, "memory"},
		{"OrderedDicts", New(2).Global("collections", "OrderedDict").Op('q', 0, '0', '(').Repeat(many, 'h', 0, ')', 'R').Op('t').Stop(), unsafe, "memory"},
		{"records", New(2).Global("a", "B").Op('q', 0, '0', '(').Repeat(many, 'h', 0, ')', 0x81).Op('t').Stop(), unsafe, "memory"},
		{"entries of a dict", New(2).Op('}').Repeat(many, 'K', 1, 'K', 1, 's').Stop(), unsafe, "memory"},
		{"items of a list", New(2).Op(']').Repeat(many, 'K', 1, 'a').Stop(), unsafe, "memory"},
		{"values that are thrown away", New(2).Op('}').Repeat(many, 'N', '0').Stop(), unsafe, ""},
		{"copies of one list by list()", copies("builtins", "list"), unsafe, "memory"},
		{"copies of one list by set()", copies("builtins", "set"), unsafe, "memory"},
		{"copies of one dict", New(2).Op('}', '(').Repeat(60_000, 'K', 1, 'N').Op('u', 'q', 0, '0', '(').Global("collections", "OrderedDict").Op('q', 1, '0').
			Repeat(15_000, 'h', 1, 'h', 0, 0x85, 'R').Op('t').Stop(), unsafe, "memory"},
		{"objects with the same arguments", New(2).Op('(').Repeat(60_000, 'K', 1).Op('t', 'q', 0, '0', '(').Global("training", "Config").Op('q', 1, '0').
			Repeat(15_000, 'h', 1, 'h', 0, 0x81).Op('t').Stop(), unsafe, "memory"},
		{"opcodes that cost nothing", New(5).Op('}').Repeat(1_000_000, 0x98).Stop(), unsafe, "opcodes"},
	}
}

// copies returns a pickle that has a class copy one list of 60,000 numbers 15,000 times.
func copies(module, class string) []byte {
	return New(2).Op(']', '(').Repeat(60_000, 'K', 1).Op('e', 'q', 0, '0', '(').Global(module, class).Op('q', 1, '0').
		Repeat(15_000, 'h', 1, 'h', 0, 0x85, 'R').Op('t').Stop()
}

// sharedArrays returns a pickle in which 2,000 arrays share the same 4 MiB.
func sharedArrays() []byte {
	w := New(4)
	w.Bytes(make([]byte, 4<<20)).Op('q', 9, '0')
	return w.Dict(func(w *Writer) {
		for i := range 2000 {
			w.Text("w" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
			w.Call("numpy.core.multiarray", "_reconstruct", func(w *Writer) {
				w.Global("numpy", "ndarray").Ints(0).Bytes([]byte("b"))
			}).Tuple(func(w *Writer) {
				w.Int(1).Ints(1<<20).DType("f4", "").Bool(false).Op('h', 9)
			}).Op('b')
		}
	}).Stop()
}

// Doubled returns a chain of n pairs, each of which holds the one before twice: n opcodes for 2^n values.
func Doubled(n int) []byte { return New(2).Int(1).Repeat(n, '2', 0x86).Stop() }

// Seeds returns short files of every kind, for fuzz targets to begin with.
func Seeds() [][]byte {
	var all [][]byte
	for _, c := range Hostile() {
		if len(c.Content) < 4096 {
			all = append(all, c.Content)
		}
	}
	for protocol := range 6 {
		all = append(all, New(protocol).Dict(func(w *Writer) {
			w.Text("weight").Array(Array{Code: "f4", Shape: []int{8, 8}, Data: bytes.Repeat([]byte{0, 0x80, 0x3f, 0xc0}, 64), Buffer: protocol == 5})
			w.Text("more").List(func(w *Writer) { w.Ints(1, -2, math.MaxInt).Float(0.5).None().Bool(true).Op('2') })
		}).Stop())
	}
	return append(all,
		Doubled(40),
		[]byte("(dp0\nS'a'\np1\n(I1\nL2L\nF0.5\nVb\ntp2\nsg0\n0."),
		[]byte("\x80\x05\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x01\x95\x00\x00\x00\x00\x00\x00\x00\x000N."))
}
