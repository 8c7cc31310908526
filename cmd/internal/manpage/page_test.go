package manpage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/cmd/internal/manpage"
)

func TestPage(t *testing.T) {
	t.Parallel()
	page := manpage.New(manpage.Heading{Name: "zoo-cat", Date: "2026-01-31", Source: `zoo "1"`})
	page.Section("Name")
	page.Paragraph("zoo-cat - feed cats")
	page.Section("OPTIONS")
	page.Subsection("Food")
	page.Paragraph("Run `zoo cat`.\nThen wait. A lone ` stays.\n\n.hidden 'is' \\fB not é a... request")
	page.Item(manpage.Bold("--food")+manpage.Plain(" ")+manpage.Italic("FOOD"), "what it\n  eats")
	page.Example("zoo cat ~/.cat 'x y'", ".start")
	want := `.TH "ZOO-CAT" "1" "2026-01-31" "zoo \(dq1\(dq" "User Commands"
.nh
.ad l
.SH "NAME"
zoo\-cat \- feed cats
.SH "OPTIONS"
.SS "Food"
Run \fBzoo cat\fR.
Then wait.
A lone \(ga stays.
.PP
\&.hidden \(aqis\(aq \efB not \[u00E9] a... request
.TP
\fB\-\-food\fR \fIFOOD\fR
what it eats
.PP
.EX
zoo cat \(ti/.cat \(aqx y\(aq
\&.start
.EE
`
	if diff := cmp.Diff(want, string(page.Bytes())); diff != "" {
		t.Error(diff)
	}
}
