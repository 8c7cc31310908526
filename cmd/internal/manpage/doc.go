// Package manpage writes manual pages, in the language man(7) of roff, which every Unix shows.
//
//	page := manpage.New(manpage.Heading{Name: "beitzoo-convert", Date: "2026-01-31", Source: "beitzoo 1.0.0"})
//	page.Section("NAME")
//	page.Paragraph("beitzoo-convert - rewrite a checkpoint")
//	os.Stdout.Write(page.Bytes())
//
// Texts are plain: a word in backquotes is set in bold, and everything else appears as it is, whatever it means to roff.
package manpage
