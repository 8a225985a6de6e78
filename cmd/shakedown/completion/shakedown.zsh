#compdef shakedown
# zsh completion of shakedown: source <(shakedown completion zsh), after compinit
_shakedown() {
    local -a lines described
    local line
    lines=("${(@f)$("${(Q)words[1]}" "${(@Q)words[2,CURRENT]}" --generate-bash-completion 2>/dev/null)}")
    for line in "${lines[@]}"; do
        [[ -z $line ]] && continue
        if [[ $line == *$'\t'* ]]; then
            described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        else
            described+=("${line//:/\\:}")
        fi
    done
    if (( ${#described} )); then
        _describe -t values shakedown described
    else
        _files
    fi
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _shakedown "$@"
else
    compdef _shakedown shakedown
fi
