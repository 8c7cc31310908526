package main

import (
	"fmt"
	"os"

	"github.com/beitzoo/beitzoo/finetune/augment/augmenttest"
)

func main() {
	failed := len(os.Args) < 2
	for _, path := range os.Args[1:] {
		checked, problems, err := check(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, "augment:", path, err)
			failed = true
			continue
		}
		for _, problem := range problems {
			fmt.Println(problem)
		}
		fmt.Printf("%s: %d cases, %d differ\n", path, checked, len(problems))
		failed = failed || checked == 0 || len(problems) > 0
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) (checked int, problems []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	return augmenttest.Check(file)
}
