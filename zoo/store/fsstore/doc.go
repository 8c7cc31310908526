// Package fsstore reads a file of an fs.FS as a blob.
//
// Use it for checkpoints inside the program (embed.FS) and for files of a folder (os.DirFS).
//
//	source := fsstore.New(embedded.Files, "digits_p16_64.pdparams", "the program itself")
//	blob, err := store.Copy(ctx, source, local, store.Blob{Name: "digits", Size: store.UnknownSize}, store.Options{})
package fsstore
