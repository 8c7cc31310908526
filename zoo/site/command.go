package site

import "github.com/beitzoo/beitzoo/internal/text"

// command is a line that a reader can copy.
type command struct {
	// What says in a few words what the line does.
	What  string
	Parts []part
}

// part is a piece of a command: text as it is, or a word that the reader, or the script of the page, has to replace.
type part struct {
	Text string
	// IsPlaceholder marks a word to be replaced; IsAddress one that the script can replace.
	IsPlaceholder, IsAddress bool
}

// shown is an entry as the templates see it.
type shown struct{ Entry }

// Placeholders reports whether a reader without script has to replace a word of a command.
func (e *shown) Placeholders() bool { return e.Place == Here || e.NeedsKey() }

// NeedsKey reports that readers have to be told the public key in another way.
func (e *shown) NeedsKey() bool { return e.Place != "" && e.Key == "" }

// IsHere reports that the entry is published where the site is.
func (e *shown) IsHere() bool { return e.Place == Here }

// parts returns a command, followed by the flags for the place of the entry.
func (e *shown) parts(line string) []part {
	if e.Place == "" {
		return []part{{Text: line}}
	}
	parts := []part{{Text: line + " --zoo "}}
	if e.Place == Here {
		parts = append(parts, part{Text: "ADDRESS", IsPlaceholder: true, IsAddress: true})
	} else {
		parts = append(parts, part{Text: text.Shell(e.Place)})
	}
	parts = append(parts, part{Text: " --trust "})
	if e.Key == "" {
		return append(parts, part{Text: "KEY", IsPlaceholder: true})
	}
	return append(parts, part{Text: text.Shell(e.Key)})
}

// List returns the command that lists the place of the entry.
func (e *shown) List() command {
	return command{"List what there is", e.parts("beitzoo list")}
}

// Pull returns the command that pulls the entry.
func (e *shown) Pull() command {
	return command{"Pull into the cache of this machine", e.parts("beitzoo pull " + e.Reference().String())}
}

// Commands returns what a reader may want to do with the entry.
func (m *model) Commands() []command {
	name := m.Reference().String()
	commands := []command{
		m.Pull(),
		{"Write as safetensors, under the canonical names", m.parts("beitzoo pull " + name + " -o " + m.ID + ".safetensors")},
		{"Write a folder for Hugging Face transformers", m.parts("beitzoo pull " + name + " --to hf -o " + m.ID + "-hf/")},
		{"Check on this machine what the model computes", m.parts("beitzoo verify " + name)},
	}
	if m.Classifies() {
		commands = append(commands, command{"Classify a picture", m.parts("beitzoo predict " + name + " photo.jpg")})
	}
	if m.Segments() {
		commands = append(commands, command{"Say of each pixel of a picture what it shows", m.parts("beitzoo segment " + name + " photo.jpg -o photo.classes.png")})
	}
	return commands
}
