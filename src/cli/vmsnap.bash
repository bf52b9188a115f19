# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of vmsnap(1)

_vmsnap_names()
{
    # Names come one a line; those with characters that a shell would split are left out.
    "${_vmsnap_command[@]}" "$@" 2>/dev/null | sed -e 1d -e 's/ .*//' | grep -x '[-A-Za-z0-9._]*'
}

_vmsnap_disks()
{
    # VM and TARGET are the first two columns.
    "${_vmsnap_command[@]}" disk list 2>/dev/null | sed -e 1d -e 's/  */ /g' |
        while read -r vm target _; do
            printf '%s/%s\n' "$vm" "$target"
        done | grep -x '[-A-Za-z0-9._/]*'
}

_vmsnap()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local _vmsnap_command=(vmsnap --no-recover -q) words=() i option options
    local globals='--connect --catalog --state-dir --agent-socket --output --no-recover
        --no-progress --quiet --verbose --version --help'

    for ((i = 1; i < COMP_CWORD; i++)); do
        option=${COMP_WORDS[i]}
        # bash takes --option=value apart: three words
        [[ $option == --* && ${COMP_WORDS[i + 1]} == = ]] && ((i++))
        case $option in
        -c | --connect | --catalog | --state-dir)
            ((++i < COMP_CWORD)) && _vmsnap_command+=("$option" "${COMP_WORDS[i]}")
            ;;
        -o | --output | --agent-socket | --consistency | --disk | --method | --wait-ready | \
            --freeze-call | --freeze-budget | --accept-unfrozen | --keep-ip | --store | --label | \
            --description | --vm | --timeout | --mode | \
            --stop-timeout | --undo-ttl | --plan | --format | --force-thaw | --to | --size | \
            --from-snapshot | --name | --replace | --prefix | --suffix | --run-policy | --seed) ((++i)) ;;
        -*) ;;
        *) words+=("$option") ;;
        esac
    done

    [[ $cur == = ]] && cur=
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    case $prev in
    -o | --output) COMPREPLY=($(compgen -W 'table json' -- "$cur")); return ;;
    --on-straggler) COMPREPLY=($(compgen -W 'abort drop' -- "$cur")); return ;;
    --consistency) COMPREPLY=($(compgen -W 'require prefer skip' -- "$cur")); return ;;
    --method) COMPREPLY=($(compgen -W 'auto reflink copy backup' -- "$cur")); return ;;
    --keep-ip) COMPREPLY=($(compgen -W 'always never' -- "$cur")); return ;;
    --format) COMPREPLY=($(compgen -W 'raw qcow2' -- "$cur")); return ;;
    --mode) COMPREPLY=($(compgen -W 'dry-run strict best-effort' -- "$cur")); return ;;
    --run-policy) COMPREPLY=($(compgen -W 'always-off inherit' -- "$cur")); return ;;
    --from-snapshot)
        COMPREPLY=($(compgen -W "$(_vmsnap_names snapshot list)" -- "$cur")); return ;;
    --vm | --force-thaw) COMPREPLY=($(compgen -W "$(_vmsnap_names vm list)" -- "$cur")); return ;;
    --state-dir | --store) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    --plan | --to) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    esac

    if [[ $cur == -* ]]; then
        case "${words[0]} ${words[1]}" in
        'snapshot create') options='--consistency --disk --group --keep-ip --method --on-straggler
            --wait-ready --freeze-call --freeze-budget --accept-unfrozen --store --label
            --description --digest' ;;
        'disk-snapshot create') options='--consistency --format --method --wait-ready --freeze-call
            --freeze-budget --accept-unfrozen --store --label --description --digest' ;;
        'disk restore') options='--to --size --format --full --reflink --linked --keep-owner
            --wait-ready --dry-run' ;;
        'image create') options='--to --size --format --full --reflink --keep-owner --wait-ready
            --dry-run' ;;
        'freeze '*) options='--timeout --wait-ready --freeze-call --disk --accept-unfrozen' ;;
        'recover '*) options='--force-thaw' ;;
        'gc '*) options='--dry-run' ;;
        'undo list' | 'undo drop') options= ;;
        'snapshot adopt') options='--name --accept-times --dry-run' ;;
        'operation drop') options='--damaged --newer' ;;
        'snapshot list') options='--vm --label' ;;
        'disk-snapshot list') options='--disk --label' ;;
        'snapshot wait' | 'disk-snapshot wait') options='--timeout' ;;
        'restore '*) options='--mode --stop-timeout --force-stop --no-start --wait-ready
            --allow-partial --drop-managed-save --undo-ttl --plan' ;;
        'clone '*) options='--from-snapshot --mode --name --replace --prefix --suffix --run-policy
            --full --linked --seed --keep-serial --start --allow-partial --wait-ready --plan' ;;
        'flatten '*) options= ;;
        'undo '*) options='--stop-timeout --force-stop --no-start --wait-ready' ;;
        esac
        COMPREPLY=($(compgen -W "$globals $options" -- "$cur"))
        return
    fi

    case "${#words[@]} ${words[*]}" in
    '0 ') options='check freeze thaw vm disk image inventory snapshot disk-snapshot restore clone
        flatten undo gc operation recover' ;;
    '1 vm') options='list show' ;;
    '1 disk') options='list restore' ;;
    '1 image') options='create' ;;
    '1 snapshot') options='create list show delete verify wait adopt' ;;
    '1 disk-snapshot') options='create list show delete verify wait' ;;
    '1 operation') options='list show drop' ;;
    '1 undo') options="list drop $(_vmsnap_names undo list)" ;;
    '2 undo drop') options=$(_vmsnap_names undo list) ;;
    '1 check' | '1 freeze' | '1 thaw' | '1 restore' | '1 clone' | '1 flatten' | '2 vm show' | '2 disk list' | '2 snapshot create')
        options=$(_vmsnap_names vm list) ;;
    '2 restore '* | '2 snapshot show' | '2 snapshot delete' | '2 snapshot verify' | \
        '2 snapshot wait') options=$(_vmsnap_names snapshot list) ;;
    '2 disk restore' | '2 image create')
        options="$(_vmsnap_names snapshot list) $(_vmsnap_names disk-snapshot list)" ;;
    '2 disk-snapshot create')
        options=$(_vmsnap_disks)
        [[ $cur == [./]* ]] && options+=" $(compgen -f -- "$cur")" ;;
    '2 disk-snapshot show' | '2 disk-snapshot delete' | '2 disk-snapshot verify' | \
        '2 disk-snapshot wait') options=$(_vmsnap_names disk-snapshot list) ;;
    [0-9]*' snapshot adopt'*) options=$(compgen -d -- "$cur") ;;
    '2 operation show' | '2 operation drop') options=$(_vmsnap_names operation list) ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
}

complete -F _vmsnap vmsnap
