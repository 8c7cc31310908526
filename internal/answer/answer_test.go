package answer_test

import (
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/internal/answer"
)

// azure is what Azure's storage answers since 2023 for the addresses in unilm's documentation.
const azure = "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>PublicAccessNotPermitted</Code><Message>Public access is not permitted on this storage account.\n" +
	"RequestId:0\nTime:2023-06-16T02:21:24Z</Message></Error>"

func TestRecognise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, head string
		kind       answer.Kind
		words      string
	}{
		{"Azure", azure, answer.XML, "Public access is not permitted on this storage account."},
		{"S3", "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>", answer.XML, "The specified key does not exist."},
		{"XML without a message", "<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>", answer.XML, "SlowDown"},
		{"page after a blank line", "\n<!doctype html><html lang=en><head><title>Sign in to your account</title>", answer.Page, "Sign in to your account"},
		{"page after a mark", "\xef\xbb\xbf \r\n<HTML><TITLE>a &amp; b</TITLE>", answer.Page, "a & b"},
		{"page without a title", "<body><h1>Moved</h1>", answer.Page, "Moved"},
		{"page after a comment", "<!-- saved from url -->\n<!DOCTYPE html>", answer.Page, ""},
		{"XHTML", "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\"><title>x</title>", answer.Page, "x"},
		{"pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 346293852\n", answer.Pointer, ""},
		{"the hub", "Entry not found", answer.Text, "Entry not found"},
		{"text", "\n\nfirst\x1b[2J line \nsecond", answer.Text, `first\x1b[2J line`},
		{"JSON error", `{"error":"Invalid username or password."}`, answer.JSON, "Invalid username or password."},
		{"JSON errors", `{"errors":[{"code":"DENIED","message":"no entry"}]}`, answer.JSON, "no entry"},
		{"JSON of a proxy", `{"error":{"code":403,"message":"quota"}}`, answer.JSON, "quota"},
		{"JSON cut short", `{"error":"Inval`, answer.JSON, `{"error":"Inval`},
		{"JSON with a raw character", "{\"error\":\"\x1b[2Jno\"}\n", answer.JSON, `{"error":"\x1b[2Jno"}`},
		{"JSON in lines", "{\"error\":\"full\"}\n{\"error\":\"full\"}\n", answer.JSON, "full"},
		{"weights", "\x80\x02}q\x00", answer.Other, ""},
		{"nothing", "", answer.Other, ""},
		{"long", strings.Repeat("x", 300), answer.Text, strings.Repeat("x", 200) + "..."},
		{"a character that is cut", strings.Repeat("é", answer.HeadLength), answer.Text, strings.Repeat("é", 100) + "..."},
	} {
		if got := answer.Recognise([]byte(c.head)); got.Kind != c.kind || got.Words != c.words {
			t.Errorf("%s: got %+v, want kind %d and %q", c.name, got, c.kind, c.words)
		}
	}
	if got := answer.Recognise([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 346293852\n")); got.Size != 346293852 {
		t.Errorf("size %d", got.Size)
	}
}

// FuzzRecognise: whatever a server sends, its words can be printed.
func FuzzRecognise(f *testing.F) {
	f.Add([]byte(azure))
	f.Add([]byte("<title>\x00\x1b]0;x\x07"))
	f.Add([]byte(`{"errors":[[[[[{"message":"\u001b[2J"}]]]]]}`))
	f.Fuzz(func(t *testing.T, head []byte) {
		got := answer.Recognise(head)
		if len(got.Words) > 300 || strings.ContainsFunc(got.Words, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("words %q", got.Words)
		}
	})
}
