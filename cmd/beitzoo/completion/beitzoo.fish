# Completion of beitzoo in fish. It asks the program what may stand where the cursor is, and never runs or expands anything of the line.
#
# Put it into ~/.config/fish/completions/beitzoo.fish, or load it with `source`.

# Asks once for each line, though fish asks several times.
function __beitzoo_ask
    set -l line (commandline -cp | string collect)
    if not set -q __beitzoo_line; or test "$line" != "$__beitzoo_line"
        set -g __beitzoo_answer (command beitzoo __complete fish "$line" 2>/dev/null)
        set -g __beitzoo_line $line
    end
end

# The next line may be the same, and the answer another.
function __beitzoo_forget --on-event fish_prompt
    set -e __beitzoo_line
end

function __beitzoo_words
    __beitzoo_ask
    string match -v -- ':*' $__beitzoo_answer
end

function __beitzoo_wants
    __beitzoo_ask
    string match -q -- $argv[1] $__beitzoo_answer
end

complete -c beitzoo -e
complete -c beitzoo -f -a '(__beitzoo_words)'
complete -c beitzoo -n '__beitzoo_wants ":files*"' -F
complete -c beitzoo -n '__beitzoo_wants :folders' -a '(__fish_complete_directories (commandline -ct) "")'
