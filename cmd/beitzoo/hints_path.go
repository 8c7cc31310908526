package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// hint returns what the user can do about the error that ended the command. Every error has one.
func (c *console) hint(err error) string {
	for _, hint := range []func(error) string{typedHint, c.pathHint, systemHint, c.usualHint} {
		if words := hint(err); words != "" {
			return words
		}
	}
	return ""
}

// pathHint says what the path of a file that cannot be opened was meant for, if it is on the command line as it stands in the error, or "".
func (c *console) pathHint(err error) string {
	var at *fs.PathError
	if c.line.app == nil || !errors.As(err, &at) || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	for _, g := range c.line.given() {
		if g.flag != nil && samePath(g.value, at.Path) {
			name := g.flag.Names()[0]
			return strings.TrimSuffix(fmt.Sprintf("check the path after %s; %s", g.word, c.flagFile(name)), "; ")
		}
	}
	for i, word := range c.line.words {
		if samePath(word, at.Path) {
			return c.argumentFile(i)
		}
	}
	return ""
}

// samePath reports whether a path in an error is one that was typed.
func samePath(typed, path string) bool {
	return typed != "" && filepath.Clean(typed) == filepath.Clean(path)
}

// flagFile says what the file is that a flag names, and where one comes from.
func (c *console) flagFile(flag string) string {
	switch flag {
	case "recording":
		return "a recording is what another program computed (docs/recording.md)"
	case "sign", "key":
		if find(c.line.app.Commands, "key") != nil {
			return "it is a secret key of minisign, which `beitzoo key generate` makes"
		}
		return "it is a secret key of minisign"
	case "trust":
		return "it is a public key of minisign, or the key itself"
	case "bundle":
		return "`beitzoo bundle NAME -o FILE` makes one"
	case "manifest", "describe":
		return "`beitzoo show NAME --yaml` prints a manifest"
	case "labels":
		return "the file has the name of a class in each line"
	case "zoo":
		return "a place is a folder, a web address, oci://host/repository or a bundle"
	case "torchscript":
		return "it is a file of torch.jit.save"
	case "against":
		return "it is a checkpoint, or a name that `beitzoo list` shows"
	}
	return ""
}

// argumentFile says what the argument at a position is.
func (c *console) argumentFile(position int) string {
	if len(c.line.path) == 0 {
		return ""
	}
	called := c.line.path[len(c.line.path)-1]
	var placeholders []string
	for _, word := range strings.Fields(called.ArgsUsage) {
		if strings.HasPrefix(word, "-") {
			break
		}
		placeholders = append(placeholders, strings.Trim(word, "[]."))
	}
	if len(placeholders) == 0 {
		return ""
	}
	placeholder := placeholders[min(position, len(placeholders)-1)]
	switch placeholder {
	case "MODEL", "SRC", "CHECKPOINT", "A", "B":
		return (&missingError{what: modelFile}).Hint()
	case "IMAGE":
		return "check the path of the image"
	case "FROM", "PLACE", "DEST":
		return "check the path; a place is a folder, a web address, oci://host/repository or a bundle"
	}
	if strings.HasPrefix(c.line.called(), "beitzoo manifest ") {
		return "check the path; FILE is a manifest, such as `beitzoo show NAME --yaml` prints"
	}
	return "check the path of " + placeholder
}

// usualHint returns what helps with errors of a kind that say nothing themselves.
func (c *console) usualHint(err error) string {
	switch {
	case errors.Is(errdef.Kind(err), errdef.ErrNetwork):
		return "check the address and the network, and try again"
	case errors.Is(errdef.Kind(err), errdef.ErrIntegrity):
		return "fetch it again, from its publisher"
	case errors.Is(errdef.Kind(err), errdef.ErrUnavailable):
		return "see what this machine has with: beitzoo doctor"
	}
	return fmt.Sprintf("see: %s --help", c.line.called())
}
