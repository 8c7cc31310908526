package answer

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Kind is what a server sent.
type Kind int

// The kinds.
const (
	// Other is anything that is not one of the following, such as weights.
	Other Kind = iota
	// Page is an HTML page.
	Page
	// Pointer stands for a file in Git LFS.
	Pointer
	// XML is how stores of objects, such as those of Azure and Amazon, report errors.
	XML
	// JSON is an object or a list in JSON.
	JSON
	// Text is any other text.
	Text
)

// Answer is what was found.
type Answer struct {
	Kind Kind
	// Words are those for people, on one line, safe to print and at most 200 bytes long: the title of a page, the message of an error, the first line of a
	// text. They are empty if there are none.
	Words string
	// Size is that of the file that a Pointer stands for, in bytes, or -1.
	Size int64
}

// HeadLength is the number of bytes that Recognise needs to see at most.
const HeadLength = 8 << 10

// Recognise looks at the first bytes of a file or of the body of an answer. A byte order mark and blank space before them do not matter.
func Recognise(head []byte) Answer {
	head = head[:min(len(head), HeadLength)]
	shown := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\f")
	start := strings.ToLower(string(shown[:min(len(shown), 512)]))
	switch {
	case strings.HasPrefix(start, pointerMark):
		return pointer(string(shown))
	case isPage(start):
		return Answer{Kind: Page, Words: clean(firstOf(titles, string(shown)))}
	case strings.HasPrefix(start, "<?xml"), strings.HasPrefix(start, "<error>"):
		return Answer{Kind: XML, Words: clean(firstOf(messages, string(shown)))}
	case !isText(head):
		return Answer{}
	case strings.HasPrefix(start, "{"), strings.HasPrefix(start, "["):
		return Answer{Kind: JSON, Words: clean(jsonWords(shown))}
	}
	return Answer{Kind: Text, Words: clean(string(shown))}
}

const pointerMark = "version https://git-lfs.github.com/spec/"

func pointer(shown string) Answer {
	found := Answer{Kind: Pointer, Size: -1}
	for line := range strings.Lines(shown) {
		if size, ok := strings.CutPrefix(strings.TrimSpace(line), "size "); ok {
			if bytes, err := strconv.ParseInt(size, 10, 64); err == nil && bytes >= 0 {
				found.Size = bytes
			}
		}
	}
	return found
}

// markup begins a page or what may stand before it.
var markup = []string{"<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<script"}

// isPage reports whether a text, in lower case, begins as a page does. Comments and the line <?xml ...?> may come first.
func isPage(start string) bool {
	for {
		for _, mark := range markup {
			if strings.HasPrefix(start, mark) {
				return true
			}
		}
		end := ""
		switch {
		case strings.HasPrefix(start, "<!--"):
			end = "-->"
		case strings.HasPrefix(start, "<?xml"):
			end = "?>"
		default:
			return false
		}
		_, rest, found := strings.Cut(start, end)
		if !found {
			return end == "-->" // a long comment: no other kind of file begins so
		}
		start = strings.TrimLeft(rest, " \t\r\n\f")
	}
}

// titles and messages find the words in a page and in an XML document, the best first.
var (
	titles   = []*regexp.Regexp{element("title"), element("h1"), element("p")}
	messages = []*regexp.Regexp{element("message"), element("code"), element("title")}
)

// element matches an element of HTML or XML that has a text.
func element(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?is)<` + name + `(?:\s[^>]*)?>([^<]+)`)
}

func firstOf(patterns []*regexp.Regexp, document string) string {
	for _, pattern := range patterns {
		if found := pattern.FindStringSubmatch(document); found != nil && strings.TrimSpace(found[1]) != "" {
			return html.UnescapeString(found[1])
		}
	}
	return ""
}

// jsonWords returns the message in a document such as {"error": "..."}, {"error": {"message": "..."}}, {"errors": [{"message": "..."}]}, {"message": "..."}
// or {"detail": "..."}. If it can't be read, its text is returned.
func jsonWords(document []byte) string {
	var found any
	if json.NewDecoder(bytes.NewReader(document)).Decode(&found) != nil { // what follows the first document does not matter
		return string(document)
	}
	return wordsIn(found, 0)
}

// wordsIn looks for a message in a value of a document, at most a few levels deep.
func wordsIn(value any, depth int) string {
	const deepest = 4
	if depth > deepest {
		return ""
	}
	switch v := value.(type) {
	case string:
		return v
	case []any:
		for _, element := range v {
			if words := wordsIn(element, depth+1); words != "" {
				return words
			}
		}
	case map[string]any:
		for _, key := range []string{"message", "error_description", "error", "errors", "detail", "code"} {
			if words := wordsIn(v[key], depth+1); words != "" {
				return words
			}
		}
	}
	return ""
}

// isText reports whether bytes are text. The last character may have been cut.
func isText(head []byte) bool {
	if len(head) == HeadLength {
		head = head[:len(head)-min(len(head), utf8.UTFMax)]
	}
	return len(head) > 0 && utf8.Valid(head) && !bytes.ContainsRune(head, 0)
}

// longest is the number of bytes of a server's words that a message shows.
const longest = 200

// clean returns the first line of some words that is not empty, without what a terminal could take for a command.
func clean(words string) string {
	line := text.FirstLine(words)
	line = strings.Join(strings.Fields(line), " ")
	return text.Shorten(text.Printable(strings.ToValidUTF8(line, "?")), longest)
}
