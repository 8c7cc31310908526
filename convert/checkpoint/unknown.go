package checkpoint

import (
	"bytes"
	"unicode/utf8"
)

// strangers are files that people pass instead of a checkpoint, by how they begin.
var strangers = []struct{ prefix, what, advice string }{
	{"version https://git-lfs.github.com/spec/", "it is a Git LFS pointer, not the weights", "fetch the real file with: git lfs pull"},
	{"<!DOCTYPE html", "it is a web page", "download the file itself, not the page that links to it"},
	{"<html", "it is a web page", "download the file itself, not the page that links to it"},
	{"\x89HDF\r\n\x1a\n", "it is an HDF5 file (Keras or TensorFlow)", "pass the PyTorch, PaddlePaddle or safetensors file of the model"},
	{"\x1f\x8b", "it is compressed with gzip", "decompress it first: gzip -d FILE"},
	{"(\xb5/\xfd", "it is compressed with zstd", "decompress it first: zstd -d FILE"},
	{"GGUF", "it is a GGUF file", "pass the PyTorch, PaddlePaddle or safetensors file of the model"},
}

// unknown says as precisely as possible what a file is that no format recognises.
func unknown(content []byte) error {
	for _, stranger := range strangers {
		if len(content) >= len(stranger.prefix) && bytes.EqualFold(content[:len(stranger.prefix)], []byte(stranger.prefix)) {
			return Errorf(ErrFormat, "%s", stranger.what).WithHint("%s", stranger.advice)
		}
	}
	what := "no known checkpoint container begins like this"
	if head := content[:min(len(content), 512)]; utf8.Valid(head) && !bytes.ContainsRune(head, 0) {
		what = "it is a text file"
	}
	return Errorf(ErrFormat, "%s", what).WithHint("beitzoo reads .pdparams, .pth, .pt, .bin and .safetensors files; check the download")
}
