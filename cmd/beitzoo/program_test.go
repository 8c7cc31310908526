package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// errorsVariable is an environment variable with the path of a file to which the program of the tests appends the types of the error that ended it.
const errorsVariable = "BEITZOO_TEST_ERRORS"

// mainThatTells is main, and tells the types of its error.
func mainThatTells() {
	ctx, stop := untilInterrupted()
	c := newConsole(os.Stdin, os.Stdout, os.Stderr)
	err := execute(ctx, c, os.Args)
	code := c.report(err)
	if path := os.Getenv(errorsVariable); path != "" && (err != nil || c.results.err != nil) {
		types := typesOf(errors.Join(err, c.results.err))
		if writeErr := os.WriteFile(path, []byte(strings.Join(types, "\n")), 0o600); writeErr != nil {
			panic(writeErr)
		}
	}
	stop()
	os.Exit(code)
}

// typesOf lists the types of the module in the tree of an error, as walkErrors names them.
func typesOf(err error) []string {
	var types []string
	own := reflect.TypeOf(err)
	if own.Kind() == reflect.Pointer {
		own = own.Elem()
	}
	const main = "main"
	if path := own.PkgPath(); path == main {
		types = append(types, "cmd/beitzoo."+own.Name())
	} else if path+"/" == module {
		types = append(types, ".."+own.Name()) // as walkErrors names the folder at the top
	} else if inside, ours := strings.CutPrefix(path, module); ours {
		types = append(types, inside+"."+own.Name())
	}
	if cause := errors.Unwrap(err); cause != nil {
		return append(types, typesOf(cause)...)
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, cause := range several.Unwrap() {
			types = append(types, typesOf(cause)...)
		}
	}
	return types
}

// writeTensors is a program for the table: `tensors FILE NAME:SHAPE...` writes a safetensors file of float32 zeros; SHAPE is as in 2x3. KEY=VALUE is metadata.
func writeTensors() {
	header, metadata, size := map[string]any{}, map[string]string{}, 0
	for _, word := range os.Args[2:] {
		if key, value, isMetadata := strings.Cut(word, "="); isMetadata {
			metadata[key] = value
			continue
		}
		name, shape, _ := strings.Cut(word, ":")
		dims, elements := []int{}, 1
		for dim := range strings.SplitSeq(shape, "x") {
			n, err := strconv.Atoi(dim)
			fatal(err)
			dims, elements = append(dims, n), elements*n
		}
		header[name] = map[string]any{"dtype": "F32", "shape": dims, "data_offsets": []int{size, size + 4*elements}}
		size += 4 * elements
	}
	header["__metadata__"] = metadata
	raw, err := json.Marshal(header)
	fatal(err)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(raw)))
	fatal(os.WriteFile(os.Args[1], append(append(file, raw...), make([]byte, size)...), 0o600))
}

// spoilTensor is a program for the table: `spoil FILE TENSOR HEX` replaces the first bytes of a tensor in a safetensors file.
func spoilTensor() {
	raw, err := os.ReadFile(os.Args[1])
	fatal(err)
	begin := 8 + binary.LittleEndian.Uint64(raw)
	var header map[string]struct {
		Offsets [2]uint64 `json:"data_offsets"`
	}
	fatal(json.Unmarshal(raw[8:begin], &header))
	at, known := header[os.Args[2]]
	if !known {
		fatal(fmt.Errorf("no tensor %q", os.Args[2]))
	}
	content, err := hex.DecodeString(os.Args[3])
	fatal(err)
	copy(raw[begin+at.Offsets[0]:], content)
	fatal(os.WriteFile(os.Args[1], raw, 0o600))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rightDigits are the figures of the model and the images that ship with the program, and digitsImages are these images.
const rightDigits = "top-1 96.11 % (346 of 360), top-5 99.72 %"

func digitsImages() string { return filepath.Join("..", "..", "manifests", "embedded", "images") }
