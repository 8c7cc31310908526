# Completion of beitzoo in bash. It asks the program what may stand where the cursor is, and never runs or expands anything of the line.
#
# Load it with `source`, or put it into ~/.local/share/bash-completion/completions/beitzoo.

_beitzoo() {
  local IFS=$' \t\n' line word='' known='' files='' strict='' ending file
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      ':word '*) known=yes word=${line#:word } ;;
      :*) files=$line ;;
      ?*) COMPREPLY+=("$line") ;;
    esac
  done <<<"$(command beitzoo __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)"

  if [[ $files == :none ]]; then
    compopt +o default +o bashdefault 2>/dev/null
    return 0
  fi
  compopt -o filenames 2>/dev/null || return 0
  # Without candidates here, bash completes names of files itself.
  [[ $known ]] || return 0
  shopt -q failglob && strict=yes && shopt -u failglob
  for file in "$word"*; do
    if [[ -d $file ]]; then
      COMPREPLY+=("$file")
      continue
    fi
    [[ $files == :files && -e $file ]] && COMPREPLY+=("$file")
    for ending in ${files#:files}; do
      [[ $files == ':files '* && $file == *"$ending" && -e $file ]] && COMPREPLY+=("$file")
    done
  done
  [[ $strict ]] && shopt -s failglob
  return 0
}

complete -o bashdefault -o default -F _beitzoo beitzoo
