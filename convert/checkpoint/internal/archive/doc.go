// Package archive reads and lays out zip archives whose records lie in a mapped file.
//
// [Open] believes the central directory only where the rest of the archive agrees with it: every byte belongs to exactly one record or to the
// directory, and what a local header says must be what the directory says. So no two programs can see different records in an archive that
// is accepted here. Records that are stored are windows of the file; deflated ones are inflated on demand, up to the stated size. [Layout]
// plans an archive of stored records for package output.
//
// The structures are those of PKWARE's APPNOTE.TXT, chapter 4.
package archive
