#compdef beitzoo
# Completion of beitzoo in zsh. It asks the program what may stand where the cursor is, and never runs or expands anything of the line.
#
# Put it as _beitzoo into a folder of $fpath, or load it with `source` after compinit.

_beitzoo() {
  local line files= found=1
  local -a before words_ options_ endings
  (( CURRENT > 2 )) && before=("${(@Q)words[2,CURRENT-1]}")
  for line in "${(@f)$(command beitzoo __complete zsh "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
    case $line in
      (:head) compset -P 1 '*=' ;;
      (:*) files=$line ;;
      (-*) options_+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      (?*) words_+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#words_ )) && _describe -t values value words_ && found=0
  (( $#options_ )) && _describe -t options option options_ -- && found=0
  # In search of files zsh itself would run a command that stands in the word.
  [[ $compstate[quote] != "'" && $PREFIX == *(\$[\(\{\[]|\`)* ]] && files=:none
  case $files in
    (:folders) _files -/ && found=0 ;;
    (:files) _files && found=0 ;;
    (:files\ *)
      endings=(${=files#:files })
      _files -g "*(${(j:|:)endings})" && found=0 ;;
  esac
  return found
}

if [[ $funcstack[1] == _beitzoo ]]; then
  _beitzoo "$@"
else
  compdef _beitzoo beitzoo
fi
