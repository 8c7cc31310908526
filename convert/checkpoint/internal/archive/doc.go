// Package archive reads and lays out zip archives whose records lie in a mapped file.
//
// [Open] accepts an archive only if all its parts agree: every byte belongs to exactly one record or to the directory, and each local header says
// what the directory says. So no two programs can see different records in an archive that is accepted here. Package archive/zip does not check
// that, and cannot leave stored records where they are. Records that are stored are windows of the file; deflated ones are inflated on demand, up to the stated size. [Layout]
// plans an archive of stored records for package output.
//
// The structures are those of PKWARE's APPNOTE.TXT, chapter 4.
package archive
