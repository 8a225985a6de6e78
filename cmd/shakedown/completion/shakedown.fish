# fish completion of shakedown:
#   shakedown completion fish > ~/.config/fish/completions/shakedown.fish
function __shakedown_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] $words[2..-1] --generate-bash-completion 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c shakedown -f -a '(__shakedown_complete)'
