package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
)

// foreign is a kind of file that people pass instead of a checkpoint.
type foreign struct {
	// what is the kind, with an article.
	what string
	// is recognises it by its content; nil if that is not possible.
	is func(content []byte) bool
	// names match the names of such files, in lower case.
	names *regexp.Regexp
	// advice is the way to a file that can be read. It may have a %s for the titles of the formats.
	advice string
}

const (
	adviceOtherFile = "give the %s file of the model"
	adviceKeras     = "give the %s file of the model, or save one where the model can be loaded: in transformers 4 with TensorFlow, " +
		"MODEL.from_pretrained(FOLDER, from_tf=True).save_pretrained(OUTPUT)"
	adviceFlax = "give the %s file of the model, or save one where the model can be loaded: in transformers 4 with Flax, " +
		"MODEL.from_pretrained(FOLDER, from_flax=True).save_pretrained(OUTPUT)"
	adviceGraph = "give the %s file from which it was exported; the names of the parameters are not kept in it"
	adviceJAX   = "restore it in the program that wrote it, and save its arrays by their names: safetensors.numpy.save_file({name: array, ...}, FILE)"
	// adviceMerge is for adapters of PEFT.
	adviceMerge = "merge it into the model that it adapts, and give the merged one: PeftModel.from_pretrained(model, FOLDER).merge_and_unload().save_pretrained(OUTPUT)"
)

// shardOfDCP matches the files that pytorch/pytorch torch/distributed/checkpoint/hf_storage.py writes for each process.
const shardOfDCP = `^shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors$`

// foreignFiles are the kinds that are known. The first that fits counts.
var foreignFiles = []foreign{
	{"an HDF5 file (Keras or TensorFlow)", begins("\x89HDF\r\n\x1a\n"), named(`\.(h5|hdf5|keras)$`), adviceKeras},
	{"compressed with gzip", begins("\x1f\x8b"), nil, "decompress it first: gzip -d FILE"},
	{"compressed with zstd", begins("(\xb5/\xfd"), nil, "decompress it first: zstd -d FILE"},
	{"compressed with xz", begins("\xfd7zXZ\x00"), nil, "decompress it first: xz -d FILE"},
	{"compressed with bzip2", begins("BZh"), nil, "decompress it first: bzip2 -d FILE"},
	{"an archive of 7-Zip", begins("7z\xbc\xaf\x27\x1c"), named(`\.7z$`), "unpack it, and give the weights in it"},
	{"an archive of RAR", begins("Rar!\x1a\x07"), named(`\.rar$`), "unpack it, and give the weights in it"},
	{"a GGUF file", begins("GGUF"), named(`\.gguf$`), adviceOtherFile},
	{"a NumPy array (.npy)", begins("\x93NUMPY"), named(`\.npy$`), adviceOtherFile},
	{"a TensorFlow Lite model", func(content []byte) bool { return len(content) > 8 && string(content[4:8]) == "TFL3" }, named(`\.tflite$`), adviceGraph},
	{"a Flax file (msgpack)", isFlax, named(`\.msgpack$`), adviceFlax},
	{"the index of a TensorFlow checkpoint", ends("\x57\xfb\x80\x8b\x24\x75\x47\xdb"), named(`\.index$`), adviceKeras},
	{"the data of a TensorFlow checkpoint", nil, named(`\.data-\d{5}-of-\d{5}$`), adviceKeras},
	{"a SavedModel of TensorFlow", begins("\x08\x01\x12"), named(`^saved_model\.pb$`), adviceKeras},
	{"an ONNX model", isONNX, named(`\.onnx$`), adviceGraph},
	{"an Orbax checkpoint (JAX)", begins("\x0c\xdb\x3a\x2a"), named(`^(manifest\.ocdbt|_checkpoint_metadata|_metadata|_sharding)$`), adviceJAX},
	{"a PEFT adapter, not the model that it adapts", nil, named(`^adapter_(model\.(safetensors|bin)|config\.json)$`), adviceMerge},
	{"a file of inference parameters of PaddlePaddle", nil, named(`\.(pdiparams|pdmodel)$`), "give the .pdparams file from which it was exported"},
	{
		"a file of a checkpoint of DeepSpeed's ZeRO", nil, named(`^(bf16_)?zero_pp_rank_.*_states\.pt$|^zero_to_fp32\.py$`),
		"put its parts into one file with the script that DeepSpeed writes into the folder: python zero_to_fp32.py FOLDER OUTPUT",
	},
	{"the model states of a DeepSpeed checkpoint", nil, named(`^mp_rank_\d+_model_states\.pt$`), "give that file: up to stage 2 of ZeRO, it has the whole model"},
	{
		"a part of tensors in safetensors (a distributed checkpoint of PyTorch's HuggingFaceStorageWriter that was not consolidated)", nil, named(shardOfDCP),
		"put the parts into one file: python -c \"from torch.distributed.checkpoint import _consolidate_hf_safetensors as c; import glob, safetensors; " +
			"names = safetensors.safe_open(glob.glob('FOLDER/shard-*')[0], 'pt').keys(); c.consolidate_safetensors_files('FOLDER', 'OUTPUT', dict.fromkeys(names, 1))\"",
	},
	{
		"a file of parts of tensors (DCP)", nil, named(`\.distcp$`),
		"put the file .metadata that was saved with it, and the files of all processes, into the folder, and give the folder",
	},
}

func begins(mark string) func([]byte) bool {
	return func(content []byte) bool { return bytes.HasPrefix(content, []byte(mark)) }
}

func ends(mark string) func([]byte) bool {
	return func(content []byte) bool { return bytes.HasSuffix(content, []byte(mark)) }
}

func named(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

// isFlax recognises the msgpack of google/flax flax/serialization.py: a map from text to a map, or to an array, which is an extension.
func isFlax(content []byte) bool {
	rest, ok := msgpackMap(content)
	if !ok || len(rest) < 2 {
		return false
	}
	length := int(rest[0] & 0x1f)
	if rest[0]&0xe0 != 0xa0 || length == 0 || len(rest) < 2+length || !isWord(rest[1:1+length]) {
		return false
	}
	value := rest[1+length:]
	_, inner := msgpackMap(value)
	return inner || value[0] >= 0xc7 && value[0] <= 0xc9
}

// msgpackMap returns what follows the head of a map that is not empty.
func msgpackMap(content []byte) ([]byte, bool) {
	switch {
	case len(content) > 1 && content[0] > 0x80 && content[0] <= 0x8f:
		return content[1:], true
	case len(content) > 3 && content[0] == 0xde:
		return content[3:], true
	case len(content) > 5 && content[0] == 0xdf:
		return content[5:], true
	}
	return nil, false
}

func isWord(raw []byte) bool {
	return !slices.ContainsFunc(raw, func(c byte) bool { return c <= ' ' || c >= 0x7f })
}

// isONNX recognises a ModelProto of onnx/onnx onnx/onnx.proto: the version of its form, then the name of the program that made it.
func isONNX(content []byte) bool {
	if len(content) < 5 || content[0] != 0x08 || content[1] < 3 || content[1] > 30 || content[2] != 0x12 {
		return false
	}
	length := int(content[3])
	return length > 0 && length < 64 && len(content) > 4+length && isWord(content[4:4+length])
}

// way returns the advice.
func (f foreign) way(formats []Format) string {
	if strings.Contains(f.advice, "%s") {
		return fmt.Sprintf(f.advice, text.Or(titles(formats)))
	}
	return f.advice
}

// foreignName returns the kind that files of a name usually are, if it is a known one.
func foreignName(name string) (foreign, bool) {
	i := slices.IndexFunc(foreignFiles, func(f foreign) bool { return f.names != nil && f.names.MatchString(strings.ToLower(name)) })
	if i < 0 {
		return foreign{}, false
	}
	return foreignFiles[i], true
}

// byName says what a file is by its name, if nothing is known of its content.
func byName(err error, path string, formats []Format) error {
	var problem *Error
	if !errors.As(err, &problem) || !errors.Is(err, ErrFormat) || problem.Reason != unknownReason {
		return err
	}
	if f, ok := foreignName(filepath.Base(path)); ok && f.is == nil {
		return Errorf(ErrFormat, "it is %s, by its name", f.what).WithHint("%s", f.way(formats))
	}
	return err
}

// mostFolders is in how many entries of a folder another checkpoint is looked for.
const mostFolders = 20

// emptyFolder says what a folder holds that is no checkpoint. names are those that it should have one of.
func emptyFolder(folder *Folder, names []string, formats []Format) error {
	wanted := fmt.Sprintf("the folder holds no %s", text.Or(names))
	var weights []string
	var other error
	for _, name := range folder.names {
		f, ok := foreignName(name)
		switch {
		case ok && other == nil:
			other = Errorf(ErrFormat, "%s, but %s, which is %s", wanted, quoteName(name), f.what).WithHint("%s", f.way(formats))
		case !ok && slices.ContainsFunc(formats, func(f Format) bool { _, ok := f.Ending(name); return ok }):
			weights = append(weights, quoteName(name))
		}
	}
	if len(weights) > 0 {
		return Errorf(ErrFormat, "%s, but %s", wanted, text.List(weights, mostLeft, "")).WithHint("give the weight file itself")
	}
	if other != nil {
		return other
	}
	for _, name := range folder.names[:min(len(folder.names), mostFolders)] {
		if folder.HasFile(name + "/.metadata") {
			return Errorf(ErrFormat, "%s, but a folder %s with a distributed checkpoint", wanted, quoteName(name)).WithHint("give that folder")
		}
	}
	return Errorf(ErrFormat, "%s", wanted).WithHint("give the weight file itself, or an index file ending in %s", IndexSuffix)
}
