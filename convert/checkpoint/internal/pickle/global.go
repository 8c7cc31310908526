package pickle

import (
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// renamed are modules that have another name in another version of Python or NumPy.
var renamed = map[string]string{
	"__builtin__":            "builtins",
	"copy_reg":               "copyreg",
	"exceptions":             "builtins",
	"operator":               "_operator",
	"_functools":             "functools",
	"numpy._core.multiarray": "numpy.core.multiarray",
	"numpy._core.numeric":    "numpy.core.numeric",
	"pathlib._local":         "pathlib",
}

// newGlobal checks a name. A dotted name is that of a class or function in a class; special attributes ("Tensor.__reduce__"), which no checkpoint needs
// and attackers like, are refused.
func newGlobal(module, name string) (*Global, *checkpoint.Error) {
	for _, part := range []string{module, name} {
		if part == "" || len(part) >= threshold || !utf8.ValidString(part) {
			return nil, checkpoint.Unsafe("a global with an impossible name")
		}
	}
	if strings.Contains(name, ".") && !plainPath(name) {
		return nil, checkpoint.Unsafe("the file asks for the attribute %q of module %q", name, module).WithHint("%s", adviceUnsafe)
	}
	if to, ok := renamed[module]; ok {
		module = to
	}
	return &Global{Module: module, Name: name}, nil
}

// plainPath reports whether a dotted name consists of names without two underscores at their beginning.
func plainPath(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || strings.HasPrefix(part, "__") {
			return false
		}
	}
	return true
}

// executors are packages whose functions act on the machine. The list serves the message: what is not in the table of callables is never
// accepted as a function, and nothing is ever called.
var executors = map[string]bool{
	"_pickle": true, "asyncio": true, "bdb": true, "builtins": true, "code": true, "codeop": true, "commands": true, "cProfile": true,
	"ctypes": true, "ensurepip": true, "fileinput": true, "ftplib": true, "functools": true, "http": true, "importlib": true, "io": true,
	"marshal": true, "multiprocessing": true, "nt": true, "ntpath": true, "_operator": true, "os": true, "pdb": true, "pickle": true,
	"pip": true, "pkgutil": true, "platform": true, "popen2": true, "posix": true, "posixpath": true, "profile": true, "pty": true,
	"requests": true, "runpy": true, "shelve": true, "shutil": true, "signal": true, "smtplib": true, "socket": true, "ssl": true,
	"subprocess": true, "sys": true, "tempfile": true, "threading": true, "timeit": true, "trace": true, "types": true, "urllib": true,
	"webbrowser": true, "zipimport": true,
}

const adviceUnsafe = "do not load this file with Python; if you trust its author, ask for a file that holds the state dict alone"

func (g *Global) dangerous() bool {
	root, _, _ := strings.Cut(g.Module, ".")
	return executors[root]
}

// forbidden says that the file wants a global called.
func (g *Global) forbidden() *checkpoint.Error {
	if g.dangerous() {
		return checkpoint.Unsafe("the file asks Python to run %q", g.String()).WithHint("%s", adviceUnsafe)
	}
	return checkpoint.Unsafe("the file asks Python to call %q, which beitzoo does not know", g.String()).
		WithHint("it was not called; save the state dict alone, or use a file that holds only weights")
}
