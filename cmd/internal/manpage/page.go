package manpage

import (
	"bytes"
	"fmt"
	"strings"
)

// Heading is what stands above and below a page.
type Heading struct {
	// Name is that of the program or command; Section 1 of the manual, for commands, is the only one that is written.
	Name string
	// Date is that of the last change, such as 2026-01-31; it may be empty. Source is the program and its version.
	Date, Source string
}

// Page is a manual page that is being written.
type Page struct {
	roff bytes.Buffer
	// below is true directly below a title, where a paragraph needs no space above it.
	below bool
}

// New begins a page.
func New(h Heading) *Page {
	p := &Page{}
	p.request("TH", strings.ToUpper(h.Name), "1", h.Date, h.Source, "User Commands")
	p.request("nh") // words are whole, so that they can be searched and copied
	p.roff.WriteString(".ad l\n")
	return p
}

// Bytes returns the file of the page.
func (p *Page) Bytes() []byte { return p.roff.Bytes() }

// Section begins a section, such as OPTIONS.
func (p *Page) Section(title string) {
	p.request("SH", strings.ToUpper(title))
	p.below = true
}

// Subsection begins a part of a section.
func (p *Page) Subsection(title string) {
	p.request("SS", title)
	p.below = true
}

// Paragraph writes a paragraph. An empty line in the text separates two.
func (p *Page) Paragraph(text string) {
	for _, part := range strings.Split(text, "\n\n") {
		p.space()
		p.text(part)
	}
}

// space begins a paragraph.
func (p *Page) space() {
	if !p.below {
		p.request("PP")
	}
	p.below = false
}

// Item writes a term and, indented beside or below it, what it means.
func (p *Page) Item(term Term, meaning string) {
	p.request("TP")
	p.below = false
	p.line(string(term))
	p.text(meaning)
}

// Example writes lines as they are. They are never broken, so that they can be copied.
func (p *Page) Example(lines ...string) {
	p.space()
	p.request("EX")
	for _, line := range lines {
		p.line(escape(line))
	}
	p.request("EE")
}

// Term is what Item writes in front; it is roff.
type Term string

// Bold returns a term, or a part of one, that is typed as it stands.
func Bold(word string) Term { return Term(`\fB` + escape(word) + `\fR`) }

// Italic returns a term, or a part of one, in whose place something else is typed.
func Italic(word string) Term { return Term(`\fI` + escape(word) + `\fR`) }

// Plain returns a part of a term, such as a comma.
func Plain(word string) Term { return Term(escape(word)) }

// request writes a request of roff and its arguments. Hyphens in them are only shown, or are part of a date.
func (p *Page) request(name string, arguments ...string) {
	fmt.Fprintf(&p.roff, ".%s", name)
	for _, argument := range arguments {
		fmt.Fprintf(&p.roff, ` "%s"`, strings.NewReplacer(`"`, `\(dq`, `\-`, "-").Replace(escape(argument)))
	}
	p.roff.WriteByte('\n')
}

// width is that of the lines of a file; people read them, too.
const width = 78

// text writes a text with words in backquotes in bold. Each sentence begins a line, so that roff sees where it ends.
func (p *Page) text(text string) {
	parts := strings.Split(text, "`")
	var line, all strings.Builder
	ended := false
	for i, part := range parts {
		switch {
		case i%2 == 0:
			line.WriteString(escape(part))
		case i < len(parts)-1:
			line.WriteString(string(Bold(part)))
		default: // nothing closes this one
			line.WriteString(escape("`" + part))
		}
	}
	length := 0
	for i, word := range strings.Fields(line.String()) {
		switch {
		case i == 0:
		case length+1+len(word) > width || ended:
			all.WriteByte('\n')
			length = 0
		default:
			all.WriteByte(' ')
			length++
		}
		all.WriteString(word)
		length += len(word)
		ended = strings.HasSuffix(word, ".") && !strings.HasSuffix(word, "..")
	}
	p.line(all.String())
}

// line writes lines of text, none of which roff takes for a request.
func (p *Page) line(roff string) {
	for line := range strings.SplitSeq(roff, "\n") {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			p.roff.WriteString(`\&`)
		}
		p.roff.WriteString(line + "\n")
	}
}

// special are characters that mean something to roff, or that it replaces by others that look nicer and cannot be typed.
var special = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, "\n", " ", "\t", " ")

// escape returns the roff with which a text appears as it is.
func escape(text string) string {
	var all strings.Builder
	for _, r := range special.Replace(text) {
		if r < ' ' || r > '~' {
			fmt.Fprintf(&all, `\[u%04X]`, r)
			continue
		}
		all.WriteRune(r)
	}
	return all.String()
}
