// Package shellline splits the beginning of a command line into words, as bash and fish do, for the completion of what is being typed.
//
//	typed := shellline.Split(`beitzoo convert 'my model.pth' --to=h`, shellline.Bash)
//	fmt.Printf("%q", typed.Words) // ["beitzoo" "convert" "my model.pth" "--to=h"]
//
// Quotes and backslashes are taken away. Nothing is ever expanded: variables, commands and patterns stay as they were typed.
package shellline
