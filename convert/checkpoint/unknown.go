package checkpoint

import (
	"fmt"

	"github.com/beitzoo/beitzoo/internal/answer"
	"github.com/beitzoo/beitzoo/internal/text"
)

// unknownReason is the reason of the error for a file of which nothing is known.
const unknownReason = "no known checkpoint container begins like this"

// unknown says as precisely as possible what a file is that none of formats recognises.
func unknown(content []byte, formats []Format) error {
	for _, foreign := range foreignFiles {
		if foreign.is != nil && foreign.is(content) {
			return Errorf(ErrFormat, "it is %s", foreign.what).WithHint("%s", foreign.way(formats))
		}
	}
	if err := saved(content, formats); err != nil {
		return err
	}
	return Errorf(ErrFormat, unknownReason).WithHint("give a %s file, and check the download", text.Or(suffixes(formats)))
}

// longestAnswer is the length in bytes up to which a text is taken for the answer of a server, which is shown.
const longestAnswer = 1 << 10

// saved says what a server sent that a browser or a script saved as if it were the file, or that content is a text. It returns nil if it is neither.
func saved(content []byte, formats []Format) error {
	found := answer.Recognise(content)
	says := ""
	if found.Words != "" {
		says = `: "` + found.Words + `"` // safe to print already
	}
	switch found.Kind {
	case answer.Pointer:
		what := "it is a Git LFS pointer, not the weights"
		if found.Size >= 0 {
			what += fmt.Sprintf(", which have %d bytes", found.Size)
		}
		return Errorf(ErrFormat, "%s", what).WithHint("fetch the real file with: git lfs pull")
	case answer.Page:
		return Errorf(ErrFormat, "it is a web page%s", says).
			WithHint("download the file itself, not the page that links to it; a page may also ask to log in or to accept a licence first")
	case answer.XML:
		return Errorf(ErrFormat, "it is what a server answered in place of the file%s", says).
			WithHint("check the download: the address no longer works, so get the file from another one")
	case answer.JSON, answer.Text:
		what, advice := "it is a text file", "check the download"
		if says != "" && len(content) <= longestAnswer {
			what, advice = what+", perhaps what a server answered"+says, advice+": the address may be wrong, or want a login"
		}
		return Errorf(ErrFormat, "%s", what).WithHint("give a %s file, and %s", text.Or(suffixes(formats)), advice)
	}
	return nil
}
