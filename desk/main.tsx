import './floor.ts'
import './desk.css'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { ConfigProvider } from 'antd'
import { StrictMode, useSyncExternalStore } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router/dom'
import { DeskFault } from './kit/fault.ts'
import { router } from './router.tsx'
import { deskTheme } from './theme.ts'
import { componentWords } from './words.ts'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      // A refusal will not change by asking again; a lost line may.
      retry: (failures, thrown) => failures < 2 && thrown instanceof DeskFault && thrown.fault.status === 0,
    },
  },
})

const touch = window.matchMedia('(pointer: coarse), (max-width: 767px)')
const onTouchChange = (changed: () => void) => {
  touch.addEventListener('change', changed)
  return () => touch.removeEventListener('change', changed)
}

function Desk() {
  const isTouch = useSyncExternalStore(onTouchChange, () => touch.matches)
  return (
    <ConfigProvider locale={componentWords} theme={deskTheme(isTouch)} wave={{ disabled: true }} button={{ autoInsertSpace: false }}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </ConfigProvider>
  )
}

// A part of the page that is no longer there: a newer desk was put in. Drafts survive, so the page simply comes again, once.
window.addEventListener('vite:preloadError', () => {
  if (sessionStorage.getItem('postroad.reloaded') === document.querySelector<HTMLScriptElement>('script[type=module]')?.src) return
  sessionStorage.setItem('postroad.reloaded', document.querySelector<HTMLScriptElement>('script[type=module]')?.src ?? '')
  window.location.reload()
})

const root = document.getElementById('desk')
if (root !== null) createRoot(root).render(<StrictMode><Desk /></StrictMode>)
